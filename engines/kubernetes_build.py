"""What a build of Kubernetes from its Go module needs to know beyond the module's name. Builds nothing."""

from __future__ import annotations

from typing import Final

from engines.adapted import Adapted, Change

VERSION: Final = "v1.37.2"

_STAGING: Final = (
    "api",
    "apiextensions-apiserver",
    "apimachinery",
    "apiserver",
    "cli-runtime",
    "client-go",
    "cloud-provider",
    "cluster-bootstrap",
    "code-generator",
    "component-base",
    "component-helpers",
    "controller-manager",
    "cri-api",
    "cri-client",
    "cri-streaming",
    "csi-translation-lib",
    "dynamic-resource-allocation",
    "endpointslice",
    "externaljwt",
    "kms",
    "kube-aggregator",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
    "metrics",
    "mount-utils",
    "pod-security-admission",
    "sample-apiserver",
    "sample-cli-plugin",
    "sample-controller",
    "streaming",
)

_MAJOR, _MINOR, _PATCH = VERSION.removeprefix("v").split(".")

LIBRARIES: Final = tuple((f"k8s.io/{name}", f"v0.{_MINOR}.{_PATCH}") for name in _STAGING)
"""The modules that Kubernetes keeps in folders of its own checkout, at the versions published with it."""

_VERSION_PACKAGE: Final = "k8s.io/component-base/version"

STAMPS: Final = (
    (f"{_VERSION_PACKAGE}.gitVersion", VERSION),
    (f"{_VERSION_PACKAGE}.gitMajor", _MAJOR),
    (f"{_VERSION_PACKAGE}.gitMinor", _MINOR),
)
"""Without them a built program calls itself v0.0.0, and clients refuse the skew."""

ETCD: Final = "go.etcd.io/etcd/server/v3"
"""The program is called `server`. Kubernetes' own tests run it: its module names the version it goes with."""

KWOK: Final = ("sigs.k8s.io/kwok", "v0.8.0")
"""Built with the libraries of VERSION instead of the older ones it asks for: that saves compiling both."""

_TAINTS = "pkg/scheduler/framework/plugins/tainttoleration/taint_toleration.go"
_TOLERATES = "ToleratesTaint(&"
_LOGGED = "ToleratesTaint(klog.Background(), &"
_FIND = "FindMatchingUntoleratedTaint("

_OPTIONS = "cmd/aggregated-apiserver/app/options/options.go"

_UNDER_BOTH_NAMES = """

// Newer libraries ask for a type's description by its OpenAPI name, the generated table has its Go name.
func underBothNames(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
	known := generatedopenapi.GetOpenAPIDefinitions(ref)
	for name, definition := range maps.Clone(known) {
		known[util.ToRESTFriendlyName(name)] = definition
	}
	return known
}
"""

KARMADA: Final = Adapted(
    "github.com/karmada-io/karmada",
    "v1.16.0",
    # It is written for the libraries of Kubernetes 1.34. The ones of VERSION want a logger, a context and a
    # registry more, and name types otherwise. Nothing else differs, and they are compiled once, not twice.
    changes=(
        Change("pkg/util/helper/taint.go", "import (", 'import (\n\t"k8s.io/klog/v2"'),
        Change(
            "pkg/util/helper/taint.go",
            f"{_TOLERATES}noExecuteTaints[j])",
            f"{_LOGGED}noExecuteTaints[j], false)",
        ),
        Change("pkg/util/helper/taint.go", f"{_TOLERATES}taints[i])", f"{_LOGGED}taints[i], false)"),
        Change(_TAINTS, "import (", 'import (\n\t"k8s.io/klog/v2"'),
        Change(_TAINTS, f"{_FIND}cluster", f"{_FIND}klog.Background(), cluster"),
        Change(_TAINTS, "filterPredicate)\n", "filterPredicate, false)\n"),
        Change("pkg/registry/cluster/strategy.go", "OnUpdate() bool", "OnUpdate(context.Context) bool"),
        Change("pkg/registry/cluster/strategy.go", "lUpdate() bool", "lUpdate(context.Context) bool"),
        Change(
            _OPTIONS,
            "import (",
            'import (\n\t"maps"\n\t"k8s.io/kube-openapi/pkg/common"\n\t"k8s.io/kube-openapi/pkg/util"',
        ),
        Change(_OPTIONS, "Config(generatedopenapi.GetOpenAPIDefinitions", "Config(underBothNames"),
        Change(_OPTIONS, 'PathPrefix = "/registry"', f'PathPrefix = "/registry"{_UNDER_BOTH_NAMES}'),
        Change("cmd/webhook/app/webhook.go", "GetScheme()))", "GetScheme(), conversion.NewRegistry()))"),
    ),
    kept=("charts/karmada/_crds", "artifacts/deploy/webhook-configuration.yaml"),
)
"""Federations."""

KARMADA_COMMANDS: Final = tuple(
    f"{KARMADA.module}/cmd/{name}"
    for name in ("aggregated-apiserver", "controller-manager", "scheduler", "webhook")
)
