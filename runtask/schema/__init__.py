"""JSON Schemas (draft 2020-12) of a message and of a stack's file, for editors and for programs."""
