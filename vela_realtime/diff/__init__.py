"""What changed between two versions of the definitions, and whom it can break.

``sources`` reads a version from where it lies, ``definitions``, ``parameters`` and ``objects`` compare, ``kinds`` says
what each change means, ``versions`` what number it asks for, ``run`` puts it together, ``report`` writes it down.
"""
