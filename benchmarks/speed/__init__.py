"""How fast Equiglot trains and distils, beside what people use now, on this machine."""
