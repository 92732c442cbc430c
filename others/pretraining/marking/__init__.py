"""Used by `others.pretraining.mark`: rows, answers, learners, results. Not imported by training."""
