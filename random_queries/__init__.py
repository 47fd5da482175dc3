"""Random SQL on random settings, run by Spark with Arclight and without, and compared."""
