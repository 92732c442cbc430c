"""Options as people read them."""

import pytest

from utils.options import words


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("cosine:lo=-150,hi=150,integer=1", "cosine, whole numbers from -150 to 150"),
        ("lift:numbers=significant,digits=2,decoding=greedy", "lift, 2 significant digits, greedy"),
        ("lift:numbers=paper,decoding=greedy", "lift, numbers as in the paper, greedy"),
        ("network:epoch=80,n=500 · random", "network, epoch 80, 500 rows · random"),
        ("self:threshold=0,share=.5,rounds=3", "self, threshold 0, share .5, 3 rounds"),
        ("lift kind=random share=0.2", "lift, kind random, share 0.2"),
        ("augment=none", "no noisy copies"),
        ("openai:gpt-4.1", "openai:gpt-4.1"),
        ("y = x1 + x2, k = 16", "y = x1 + x2, k = 16"),
    ],
)
def test_options_in_a_figure_are_words(raw, read):
    assert words(raw) == read
