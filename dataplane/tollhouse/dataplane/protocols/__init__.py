"""Wire formats, one per file (a folder when one outgrows a file). Being here is being registered."""
