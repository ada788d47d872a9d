"""What a network learns from: traces of a corpus, batches of writers."""
