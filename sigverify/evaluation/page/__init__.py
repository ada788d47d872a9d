"""The report as people see it: a folder with a page, pictures and figures."""
