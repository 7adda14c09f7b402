# class: unknown
# why: no list of operations
DOCS = """
    operations = [
        migrations.AddIndex("a", None),
    ]
"""
