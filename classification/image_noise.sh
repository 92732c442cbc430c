#!/usr/bin/env bash
# Image noise: four kinds of noise and two attacks, with and without noisy copies, the middle of MNIST. Every flag of image_noise.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt requirements-extras.txt
run_module classification.image_noise --datasets mnist --crop 18 --side 18 --rows 0 --test-rows 1000 --seeds 0 1 2 \
  --kinds gaussian uniform constant sign pgd_lenet pgd_mlp300 --augment none medium high "$@"
