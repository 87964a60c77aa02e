"""Networks, and the interface that training expects of them."""
