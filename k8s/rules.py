"""Our own rules for rendered manifests: no reference leads nowhere, no container may more than it must.

    rules.py base|OVERLAY RENDERED.yaml

In `base` secrets are only named; an overlay must bring them.
"""

import sys

import yaml

name, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    objects = [it for it in yaml.safe_load_all(file) if it]

faults = []
known = {(it["kind"], it["metadata"]["name"]) for it in objects}
workloads = [it for it in objects if it["kind"] in ("Deployment", "StatefulSet")]
pods = {it["metadata"]["name"]: it["spec"]["template"] for it in workloads}


def must(fine, where, what):
    if not fine:
        faults.append(f"{where}: {what}")


def selects(selector, labels):
    """Whether a label selector picks these labels."""
    exact = selector.get("matchLabels", {})
    listed = selector.get("matchExpressions", [])
    return all(labels.get(key) == value for key, value in exact.items()) and all(
        labels.get(it["key"]) in it["values"] for it in listed
    )


def selects_something(selector, where):
    must(any(selects(selector, pod["metadata"]["labels"]) for pod in pods.values()), where, f"selects no pod: {selector}")


def references(node):
    """Every (kind, name) that a pod refers to."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("secretKeyRef", "secretRef"):
                yield "Secret", value["name"]
            elif key in ("configMapKeyRef", "configMapRef", "configMap"):
                yield "ConfigMap", value["name"]
            elif key == "serviceAccountName":
                yield "ServiceAccount", value
            else:
                yield from references(value)


for workload, pod in pods.items():
    spec = pod["spec"]
    for kind, wanted in references(spec):
        if not (name == "base" and kind == "Secret"):
            must((kind, wanted) in known, workload, f"there is no {kind} {wanted}")
    must(spec.get("automountServiceAccountToken") is False, workload, "has a token for the API server")
    must(spec.get("securityContext", {}).get("runAsNonRoot") is True, workload, "may run as root")
    for container in spec["containers"]:
        where = f"{workload}/{container['name']}"
        security = container.get("securityContext", {})
        must(container.get("image"), where, "has no image")
        must(container.get("readinessProbe"), where, "has no readiness probe")
        must(container.get("startupProbe"), where, "has no startup probe")
        must("memory" in container.get("resources", {}).get("limits", {}), where, "has no memory limit")
        must(security.get("readOnlyRootFilesystem") is True, where, "may write to its image")
        must(security.get("allowPrivilegeEscalation") is False, where, "may gain privileges")
        must(security.get("capabilities", {}).get("drop") == ["ALL"], where, "keeps capabilities")

for it in objects:
    where = f"{it['kind']} {it['metadata']['name']}"
    spec = it.get("spec", {})
    if it["kind"] == "Service":
        selects_something({"matchLabels": spec["selector"]}, where)
    elif it["kind"] == "PodDisruptionBudget":
        selects_something(spec["selector"], where)
    elif it["kind"] == "NetworkPolicy":
        peers = [peer for rule in spec.get("ingress", []) for peer in rule.get("from", [])]
        peers += [peer for rule in spec.get("egress", []) for peer in rule.get("to", [])]
        for selector in [spec["podSelector"]] + [it["podSelector"] for it in peers if "namespaceSelector" not in it]:
            selects_something(selector, where)

closed = [it["spec"] for it in objects if it["kind"] == "NetworkPolicy" and it["spec"]["podSelector"] == {}]
must(
    any(it["policyTypes"] == ["Ingress", "Egress"] and "ingress" not in it and "egress" not in it for it in closed),
    name,
    "nothing is denied by default",
)

for fault in faults:
    print(f"{name}: {fault}", file=sys.stderr)
if faults:
    sys.exit(1)
print(f"{name}: {len(objects)} objects keep the schemas and the rules")
