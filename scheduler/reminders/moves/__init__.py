"""Every change of a delivery's state; nothing else in the tree changes one."""
