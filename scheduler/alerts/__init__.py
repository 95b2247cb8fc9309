"""Messages to the admin: which errors are new, the weekly digest, and whether all parts live."""
