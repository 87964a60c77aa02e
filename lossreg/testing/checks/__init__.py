"""The checks of the conformance kit, in files by what they check; importing a file adds its checks."""
