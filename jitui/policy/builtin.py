"""The kinds of Kubernetes itself (1.34), for when no cluster can be asked: plural.group, as `kubectl api-resources -o name` prints them."""

from typing import Final

NAMESPACED: Final = """
    bindings configmaps endpoints events limitranges persistentvolumeclaims pods podtemplates replicationcontrollers resourcequotas secrets
    serviceaccounts services controllerrevisions.apps daemonsets.apps deployments.apps replicasets.apps statefulsets.apps
    localsubjectaccessreviews.authorization.k8s.io horizontalpodautoscalers.autoscaling cronjobs.batch jobs.batch leases.coordination.k8s.io
    endpointslices.discovery.k8s.io events.events.k8s.io ingresses.networking.k8s.io networkpolicies.networking.k8s.io
    poddisruptionbudgets.policy rolebindings.rbac.authorization.k8s.io roles.rbac.authorization.k8s.io resourceclaims.resource.k8s.io
    resourceclaimtemplates.resource.k8s.io csistoragecapacities.storage.k8s.io
"""
CLUSTER_SCOPED: Final = """
    componentstatuses namespaces nodes persistentvolumes mutatingwebhookconfigurations.admissionregistration.k8s.io
    validatingadmissionpolicies.admissionregistration.k8s.io validatingadmissionpolicybindings.admissionregistration.k8s.io
    validatingwebhookconfigurations.admissionregistration.k8s.io customresourcedefinitions.apiextensions.k8s.io apiservices.apiregistration.k8s.io
    selfsubjectreviews.authentication.k8s.io tokenreviews.authentication.k8s.io selfsubjectaccessreviews.authorization.k8s.io
    selfsubjectrulesreviews.authorization.k8s.io subjectaccessreviews.authorization.k8s.io certificatesigningrequests.certificates.k8s.io
    flowschemas.flowcontrol.apiserver.k8s.io prioritylevelconfigurations.flowcontrol.apiserver.k8s.io ingressclasses.networking.k8s.io
    ipaddresses.networking.k8s.io servicecidrs.networking.k8s.io runtimeclasses.node.k8s.io clusterrolebindings.rbac.authorization.k8s.io
    clusterroles.rbac.authorization.k8s.io deviceclasses.resource.k8s.io resourceslices.resource.k8s.io priorityclasses.scheduling.k8s.io
    csidrivers.storage.k8s.io csinodes.storage.k8s.io storageclasses.storage.k8s.io volumeattachments.storage.k8s.io
    volumeattributesclasses.storage.k8s.io
"""


def _kinds(text: str, *, namespaced: bool) -> dict[tuple[str, str], bool]:
    return {(group, plural): namespaced for plural, _, group in (name.partition(".") for name in text.split())}


# by group and plural: whether it lives in namespaces
KINDS: Final = _kinds(NAMESPACED, namespaced=True) | _kinds(CLUSTER_SCOPED, namespaced=False)
