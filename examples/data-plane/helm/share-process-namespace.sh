#!/bin/sh
# Post-renderer for Helm: takes what the chart renders, and gives it back with the patch. Needs kubectl, but
# no cluster.
set -eu
here=$(dirname "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$here/kustomization.yaml" "$here/share-process-namespace.yaml" "$folder"
cat >"$folder/chart.yaml"
kubectl kustomize "$folder"
