"""What is made of finished jobs: scores, the page, model cards, comparisons of runs."""
