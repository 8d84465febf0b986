"""From a model to a program; `driver` runs the stages of the pipeline in their order."""
