"""The SOAP API that clients sign in with and bring deleted records back with."""
