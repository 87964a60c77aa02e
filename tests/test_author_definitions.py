"""Mistakes in what authors write beside formulas: each is refused with a message that says what is wrong and where."""

import json
import re
import subprocess
import sys

import author_definitions
import pytest

LINE = r" \(author_definitions\.py, line \d+: {}\)"

REFUSED = {
    "functions_that_call_each_other": r"alternating: the kernel does not compile:\n  cannot type infer runaway",
    "an_index_outside_a_closed_over_array": "scaled: it raises IndexError: index 2 is out of bounds .*"
    + LINE.format(r"return scale\[2\].*"),
    "a_table_in_a_dict": r"looked_up: the kernel does not compile:\n  Untyped global name 'TABLE'",
    "a_global_counter": r"counted: a kernel cannot change what is outside it, .*" + LINE.format("global COUNT"),
    "a_generator": r"generating: expected it to return a value and 1 to 2 slopes; it returns nothing \(line \d+\)",
    "a_coroutine": r"waiting: expected it to return a value and 1 to 2 slopes; how many it returns is not clear",
    "a_generator_expression": r"summed: a kernel cannot have a generator, a set or a dict; write a loop",
    "an_exception_that_is_handled": "careful: a kernel cannot handle errors, .*" + LINE.format("try:"),
    "an_import_in_a_kernel": "importing: a kernel cannot import; .*" + LINE.format("import math as m"),
    "a_formatted_string": "formatting: a kernel cannot use texts, dicts or sets, as it computes with numbers",
    "a_default_of_another_type": "scaled: the default of scale: expected a number above 0, got '1'",
    "a_default_outside_its_domain": "scaled: the default of scale: expected a number above 0, got -1.0",
    "a_default_that_is_no_integer": "powered: the default of n: expected an integer, 1 or above, got 1.5",
    "a_default_that_is_no_choice": "chosen: the default of kind: expected 'a' or 'b', got 'c'",
    "a_parameter_named_like_an_argument_of_calls": "averaged: reduction is an argument of criteria",
    "an_input_named_like_an_argument_of_calls": "masked: where is an argument of criteria; choose another name",
    "an_input_with_the_name_of_a_parameter_of_the_other_form": "first: the parameters of second differ",
    "two_forms_with_the_same_inputs": "first: second takes arrays like those of another form",
    "axes_without_samples": "alone: expected an input with the axis N of the samples",
    "a_number_of_classes_that_two_inputs_need_differently": "clashing: all rows of a kernel have one width; got",
    "a_loss_called_in_a_kernel": "twice: it raises TypeError: 'Loss' object is not callable .*huber",
    "a_very_long_loop": r"slow: it does not end: 1,000,000 lines have run .*(range\(10|total \+=)",
    "a_loop_that_does_not_end_for_nan": "searched: it does not end: 1,000,000 lines have run .*, at x=nan, y=nan",
    "a_very_large_array": "allocating: it raises MemoryError: .*" + LINE.format(r"buffer = .*"),
    "a_parameter_that_is_changed": r"reweighted: it writes to weight, .*" + LINE.format(r"weight\[0\] = 2\.0"),
    "a_row_parameter_read_outside": r"reweighted: weight\[3\] is outside the row; its length is 3",
    "a_hessian_that_is_too_long": r"squares_with_hessian: hessian\[3\] is outside the row; its length is 3",
    "a_hessian_that_is_not_filled": r"squares_with_hessian: it reads hessian\[1\] before filling it",
    "a_hessian_that_is_a_pair": "square: expected second to return one number; it returns 2 numbers",
    "a_hessian_with_other_parameters": "square: no kernel has the inputs and parameters of the hessian second: x, y",
    "an_initial_value_of_another_shape": r"centre: its initial value of shape \(3,\) cannot be made: .*\(4,\)",
    "an_initial_value_that_is_text": r"centre: its initial value of shape \(3,\) cannot be made: .*'zeros'",
    "an_initial_value_that_is_nan": r"centre: expected a finite initial value; got \[nan, nan, nan\]",
    "an_initial_value_that_raises": r"centre: its initial value of shape \(3,\) cannot be made: ",
    "a_method_in_place_of_a_function": "kernel: expected a function, got a method; define it outside the class",
    "a_class_in_place_of_a_function": "expected a function, got <",
    "a_built_in_function": "expected a function, got <built-in function hypot>",
    "a_function_without_a_name": "<lambda>: x has no annotation to say what it may be",
    "any_number_of_arguments": r"summed: \*x cannot be listed or checked; name each one",
    "any_keywords": r"scaled: \*others cannot be listed or checked; name each one",
    "an_argument_without_annotation": "plain: x has no annotation to say what it may be",
    "an_argument_that_is_a_float": "plain: input x needs a domain, such as Real",
    "an_annotation_with_an_unknown_name": "plain: an annotation cannot be read: name 'Reel' is not defined",
    "no_inputs": "constant: expected inputs, then slope rows",
    "more_slopes_than_rows": r"eager: expected a slope row for each row with a gradient; got \['slope', 'other",
    "a_misspelt_coupling": "coupled: expected couples to be one of anchors, batch, groups, .*; got 'smaples'",
    "a_bound_that_is_text": "expected ulps to be a number above 0; got '4'",
    "a_domain_whose_test_is_not_a_comparison": "difference: the test of Odd fails for its example: 'float' object",
    "a_domain_without_its_own_example": r"difference: the example of Large, 1\.0, is not in the domain",
    "a_value_that_is_a_list": "listed: expected it to return a value and 1 to 2 slopes; how many",
    "a_slope_that_is_none": r"flat: it returns \(0\.25, None\); expected 2 numbers: a value and its slopes",
    "a_slice_of_another_length": r"sliced: it raises ValueError: could not broadcast .*slope\[:\] = x\[1:\]",
    "a_slope_of_a_gradient_that_is_not_asked_for": "both: it raises TypeError: 'NoneType' object .*target_slope",
    "a_sample_function_with_too_few_arguments": r"short: it raises TypeError: .* takes 2 positional arguments but 3",
    "a_sample_function_that_raises": "refusing: a kernel cannot raise an error",
    "a_count_of_samples_that_is_no_integer": r"filled: expected an integer as the count of samples; got 2\.0",
    "values_that_are_objects": r"batch: it returns an array of shape \(2,\) of type object; expected the values",
    "a_helper_with_a_list_as_default": r"scaled: it raises AttributeError: 'tuple' object has no .*seen\.append",
    "a_global_array_that_is_changed": r"counted: it writes to .* array from outside: .*TOTALS.* \[0\.0, 0\.0\]",
    "a_closed_over_list_that_grows": r"counted: it raises AttributeError: 'tuple' object has no .*seen\.append",
    "a_random_number": r"noisy: a kernel cannot draw random numbers, .*np\.random\.random\(\)\)",
    "an_index_that_is_made_of_a_number": r"picked: it raises ValueError: cannot convert float NaN to integer",
    "a_sample_function_that_writes_outside_of_a_large_array": r"filled: it raises IndexError: index 4000 is out of",
    "an_example_that_raises": r"failing: it raises ValueError: no 1 .*raise ValueError",
    "an_example_without_parameters": r"bare: it returns an array of shape \(1, 2\); expected a list of arrays",
    "values_that_are_complex": r"batch: it returns an array of shape \(2,\) of type complex128; expected the values",
}


@pytest.fixture(scope="module")
def outcomes():
    done = subprocess.run(
        [sys.executable, author_definitions.__file__], capture_output=True, text=True, check=True, timeout=600
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_refused_and_the_process_goes_on(name, outcomes):
    code, text = outcomes[name]
    assert code == 0, text
    assert re.match(f"InvalidDefinition: {REFUSED[name]}", text), text


def test_every_scenario_is_expected(outcomes):
    assert {*REFUSED} == {*outcomes}
