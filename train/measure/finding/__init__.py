"""How many faces of a picture are found, by place and size, and what else is taken for one."""
