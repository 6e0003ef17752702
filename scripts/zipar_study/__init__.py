"""The parts of study.py, which measures what ZipAR's windows cost a model and writes docs/zipar-study.md."""
