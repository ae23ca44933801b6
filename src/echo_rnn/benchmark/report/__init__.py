"""What is made of samples afterwards: statistics, the answer, its wording, the page. Nothing here measures."""
