"""What people see: colours, charts, the token view and the inspector.

This package and `workbench.reports` are the only ones that know a notebook exists. Nothing is
imported here, so that `import workbench` stays quick; ask for the module that is needed.
"""
