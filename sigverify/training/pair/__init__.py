"""Train the pair network, which looks at two aligned signatures, where it will stand in the score."""
