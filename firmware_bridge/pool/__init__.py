"""Workers: one in a thread, or several in processes; requests go to whichever is free first."""
