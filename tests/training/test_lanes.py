"""Rows in lanes train as rows in one program do."""
