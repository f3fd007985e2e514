"""One command per file: its function ``run``, named as the file. Being in the folder is being a command; modules whose
name starts with an underscore are shared by several."""
