#!/usr/bin/env python3
"""That the models say what the functions do, and that a change of one without the other is noticed."""

import pathlib
import unittest

import steps

MODELS = ["leases.pml", "leases_service.pml", "fences.pml"]
HERE = pathlib.Path(__file__).resolve().parent


def all_steps():
    return [step for model in MODELS for step in steps.named((HERE / model).read_text(encoding="utf-8"))]


class Steps(unittest.TestCase):
    def differences(self, old=None, new=None):
        changed = []

        def read(path):
            text = path.read_text(encoding="utf-8")
            if old is not None and old in text:
                changed.append(path)
                text = text.replace(old, new)
            return text

        found = list(steps.differences(all_steps(), read))
        if old is not None:
            self.assertTrue(changed, f"no source has {old!r}")
        return found

    def test_the_models_name_steps(self):
        self.assertGreater(len(all_steps()), 50)

    def test_every_function_does_what_its_model_says(self):
        self.assertEqual(self.differences(), [])

    def test_a_change_of_a_function_is_noticed(self):
        changes = {
            "a weaker claim": ("free, lease, false, __ATOMIC_SEQ_CST", "free, lease, false, __ATOMIC_ACQ_REL"),
            "a weaker drop": (
                "__atomic_store_n(word(entry), 0, __ATOMIC_SEQ_CST)",
                "__atomic_store_n(word(entry), 0, __ATOMIC_RELEASE)",
            ),
            "a weaker state": ("store_word<__ATOMIC_SEQ_CST>(shared(slot), ", "store_word(shared(slot), "),
            "a weaker scan": (
                "__atomic_load_n(words + index, __ATOMIC_SEQ_CST)",
                "__atomic_load_n(words + index, __ATOMIC_ACQUIRE)",
            ),
            "no re-read": ("const StateWord state = reader.allocation_state(allocation.slot);", ""),
            "no nudge": ("            nudge(allocation);\n", ""),
            "completion before poison": (
                "poison(entry, lost);\n            complete(book_->word(entry.first), ",
                "complete(book_->word(entry.first), entry.second.value);\npoison(entry, lost); static_cast<void>(",
            ),
            "no poison at death": ("fence_watch_.producer_died(session);", ""),
            "another name": ("void Fences::finish(", "void Fences::end("),
        }
        for what, (old, new) in changes.items():
            with self.subTest(what):
                self.assertNotEqual(self.differences(old, new), [])


if __name__ == "__main__":
    unittest.main()
