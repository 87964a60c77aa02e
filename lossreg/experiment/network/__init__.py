"""Networks: the interface that training expects of a model, and a sequence of dense layers that has it."""
