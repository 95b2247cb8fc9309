"""Reading of claimed messages just before they are sent, and the SQL of what is still true."""
