"""What `others.pretraining.mark` needs: rows, answers, learners, results. Training imports none of it."""
