"""What other systems may ask of the OMS over HTTP: who they are, and changes of stock."""
