"""Compare embeddings: alignment, distances, scores, and what sets a probe apart."""
