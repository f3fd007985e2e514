"""What configuration says: options as users write them, models and instances as targets, where those are reached."""
