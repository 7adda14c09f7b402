# class: unknown
# why: no list of operations
<<<<<<< HEAD
{]]] not python at all
