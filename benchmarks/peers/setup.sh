#!/bin/sh
# Make one virtual environment per peer under .peers/ (git-ignored), so that what they need never meets what
# Endcap needs. Safe to run again: pip finds everything in place.
set -eu
cd "$(dirname "$0")/../.."
python="${PYTHON:-python3.11}"
for peer in langgraph dbos dlt presidio label-studio potato agreement openpipe-art deepeval; do
    [ -x ".peers/$peer/bin/python" ] || "$python" -m venv ".peers/$peer"
    case "$peer" in
        agreement) names="krippendorff|scikit-learn|crowd-kit|choix" options="--no-deps" ;;
        openpipe-art) names="openpipe-art|litellm" options="--no-deps" ;;
        deepeval) names="deepeval|anthropic" options="--no-deps" ;;
        *) names="$peer" options="" ;;
    esac
    # shellcheck disable=SC2086
    ".peers/$peer/bin/python" -m pip install --quiet --disable-pip-version-check $options \
        --requirement "benchmarks/peers/requirements-$peer.txt"
    echo "peer ready: $peer ($(".peers/$peer/bin/python" -m pip freeze | grep -E "^($names)" | tr '\n' ' '))"
done
