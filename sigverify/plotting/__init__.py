"""Pictures of captures."""
