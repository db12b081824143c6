"""How parsed faces are drawn on a frame: mattes, colours, legends."""
