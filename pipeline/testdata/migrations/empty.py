# class: unknown
# why: no list of operations
