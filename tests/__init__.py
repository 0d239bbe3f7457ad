"""Tests mirror the package; `support` is what many stand on, `journeys` are whole stories from outside."""
