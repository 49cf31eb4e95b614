"""Every action that a route can be bound to, and what it takes. The one place where this is declared."""

from dataclasses import dataclass
from enum import StrEnum


class Need(StrEnum):
    """What an actor must have. `USER` is a login with all that the user may: no key of a narrower scope, no
    robot. `ADMIN` is such a login of a site administrator."""

    NOTHING = "nothing"
    LOGIN = "login"
    USER = "user"
    ADMIN = "admin"
    READ = "read"
    WRITE = "write"
    EDIT = "edit"


class Verb(StrEnum):
    """How a registry token names the right to an action on a repository."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Rule:
    """`need` is the level on the image; `verb` what a registry token has to grant; `says` is for people.

    What only `looks` an auditor may too. What `lasts` makes something to log in with, which would outlive a
    bearer token or a temporary login: those may not.
    """

    need: Need
    verb: Verb | None
    says: str
    looks: bool = False
    lasts: bool = False


class Action(StrEnum):
    """What somebody wants to do."""

    SERVICE_WATCH = "service.watch"
    TOKEN_ASK = "token.ask"  # noqa: S105 (an action, no secret)
    REGISTRY_USE = "registry.use"
    CATALOG_LIST = "catalog.list"
    IMAGE_PULL = "image.pull"
    IMAGE_PUSH = "image.push"
    IMAGE_DELETE = "image.delete"
    VERSIONS_SEE = "versions.see"
    ACCOUNT_SEE = "account.see"
    LOGIN_MAKE = "login.make"
    ENTERPRISE_USE = "enterprise.use"
    ORGANIZATION_LIST = "organization.list"
    ORGANIZATION_CREATE = "organization.create"
    ORGANIZATION_SEE = "organization.see"
    ORGANIZATION_DELETE = "organization.delete"
    ORGANIZATION_GRANT = "organization.grant"
    IMAGE_LIST = "image.list"
    IMAGE_SEE = "image.see"
    IMAGE_CREATE = "image.create"
    IMAGE_CHANGE = "image.change"
    IMAGE_PUBLISH = "image.publish"
    IMAGE_GRANT = "image.grant"
    IMAGE_SHARE = "image.share"
    IMAGE_TRIGGER = "image.trigger"
    IMAGE_TRIGGERS_SEE = "image.triggers.see"
    IMAGE_RETAIN = "image.retain"
    IMAGE_SYNC = "image.sync"
    ORGANIZATION_GRANTS_SEE = "organization.grants.see"
    IMAGE_GRANTS_SEE = "image.grants.see"
    IMAGE_SHARES_SEE = "image.shares.see"
    TEAM_SEE = "team.see"
    TEAM_CHANGE = "team.change"
    ROBOT_SEE = "robot.see"
    ROBOT_CHANGE = "robot.change"
    KEY_SEE = "key.see"
    KEY_CHANGE = "key.change"
    ACCOUNT_CHANGE = "account.change"
    SESSION_MAKE = "session.make"
    SESSION_END = "session.end"
    LINK_USE = "link.use"
    RIGHTS_EXPLAIN = "rights.explain"
    USER_SEE = "user.see"
    USER_CHANGE = "user.change"
    AUDIT_SEE = "audit.see"
    ORGANIZATION_AUDIT_SEE = "organization.audit.see"
    KUBECONFIG_READ = "kubeconfig.read"
    CLUSTER_LIST = "cluster.list"
    CLUSTER_REGISTER = "cluster.register"
    CLUSTER_REGISTER_FOR_SITE = "cluster.register_for_site"
    CLUSTER_SEE = "cluster.see"
    CLUSTER_DEPLOY = "cluster.deploy"
    CLUSTER_CHANGE = "cluster.change"
    CLUSTER_OPEN = "cluster.open"
    PULL_SECRET_SEE = "pull_secret.see"  # noqa: S105 (an action, no secret)
    PULL_SECRET_CHANGE = "pull_secret.change"  # noqa: S105
    IMAGE_USES_SEE = "image.uses.see"
    WEBHOOK_SEE = "webhook.see"
    WEBHOOK_CHANGE = "webhook.change"
    SITE_WEBHOOK_SEE = "site.webhook.see"
    SITE_WEBHOOK_CHANGE = "site.webhook.change"
    WEBHOOK_HEAR = "webhook.hear"
    FLEET_LIST = "fleet.list"
    FLEET_CREATE = "fleet.create"
    FLEET_CREATE_FOR_SITE = "fleet.create_for_site"
    FLEET_SEE = "fleet.see"
    FLEET_DEPLOY = "fleet.deploy"
    FLEET_CHANGE = "fleet.change"
    AGENT_JOIN = "agent.join"
    AGENT_CONNECT = "agent.connect"

    @property
    def rule(self) -> Rule:
        return RULES[self]


RULES = {
    Action.SERVICE_WATCH: Rule(Need.NOTHING, None, "see whether the service is well", looks=True),
    Action.TOKEN_ASK: Rule(Need.NOTHING, None, "ask for a registry token"),
    Action.REGISTRY_USE: Rule(Need.LOGIN, None, "use the registry", looks=True),
    Action.CATALOG_LIST: Rule(Need.LOGIN, None, "list the repositories that one may see", looks=True),
    Action.IMAGE_PULL: Rule(Need.READ, Verb.PULL, "pull the image, list its tags and referrers", looks=True),
    Action.IMAGE_PUSH: Rule(Need.WRITE, Verb.PUSH, "push the image, move its tags"),
    Action.IMAGE_DELETE: Rule(Need.EDIT, Verb.DELETE, "delete tags, manifests and blobs of the image"),
    Action.VERSIONS_SEE: Rule(Need.NOTHING, None, "see which versions of the API there are", looks=True),
    Action.ACCOUNT_SEE: Rule(Need.LOGIN, None, "see quotas, switches and figures of the service", looks=True),
    Action.LOGIN_MAKE: Rule(Need.LOGIN, None, "make a temporary login for oneself", lasts=True),
    Action.ENTERPRISE_USE: Rule(Need.LOGIN, None, "use what only SWR's enterprise edition has"),
    Action.ORGANIZATION_LIST: Rule(
        Need.LOGIN, None, "list the organizations that one has a right on", looks=True
    ),
    Action.ORGANIZATION_CREATE: Rule(Need.USER, None, "create an organization"),
    Action.ORGANIZATION_SEE: Rule(
        Need.READ, None, "see the organization and one's own right on it", looks=True
    ),
    Action.ORGANIZATION_DELETE: Rule(Need.EDIT, None, "delete the organization"),
    Action.ORGANIZATION_GRANT: Rule(Need.EDIT, None, "see and change who has rights on the organization"),
    Action.IMAGE_LIST: Rule(Need.LOGIN, None, "list the images that one may see", looks=True),
    Action.IMAGE_SEE: Rule(Need.READ, None, "see the image's attributes and tags", looks=True),
    Action.IMAGE_CREATE: Rule(Need.WRITE, None, "create the image before its first push"),
    Action.IMAGE_CHANGE: Rule(Need.WRITE, None, "change the image's description and category"),
    Action.IMAGE_PUBLISH: Rule(Need.EDIT, None, "make the image public or private"),
    Action.IMAGE_GRANT: Rule(Need.EDIT, None, "see and change who has rights on the image"),
    Action.IMAGE_SHARE: Rule(Need.EDIT, None, "see and change whom the image is shared with"),
    Action.IMAGE_TRIGGER: Rule(Need.WRITE, None, "change the image's triggers"),
    # They name clusters, namespaces and Git repositories: not for everybody who may pull a public image.
    Action.IMAGE_TRIGGERS_SEE: Rule(
        Need.WRITE, None, "see the image's triggers and what became of them", looks=True
    ),
    Action.IMAGE_RETAIN: Rule(Need.EDIT, None, "change which tags of the image are kept"),
    Action.IMAGE_SYNC: Rule(Need.EDIT, None, "copy the image to other registries"),
    Action.ORGANIZATION_GRANTS_SEE: Rule(
        Need.EDIT, None, "see who has rights on the organization", looks=True
    ),
    Action.IMAGE_GRANTS_SEE: Rule(Need.EDIT, None, "see who has rights on the image", looks=True),
    Action.IMAGE_SHARES_SEE: Rule(Need.EDIT, None, "see whom the image is shared with", looks=True),
    Action.TEAM_SEE: Rule(Need.READ, None, "see the organization's teams and who is in them", looks=True),
    Action.TEAM_CHANGE: Rule(Need.EDIT, None, "make and change the organization's teams"),
    Action.ROBOT_SEE: Rule(Need.EDIT, None, "see the organization's robots and their keys", looks=True),
    Action.ROBOT_CHANGE: Rule(
        Need.EDIT, None, "make and change the organization's robots and their keys", lasts=True
    ),
    Action.KEY_SEE: Rule(Need.LOGIN, None, "see one's own access keys", looks=True),
    Action.KEY_CHANGE: Rule(
        Need.USER, None, "make, rotate, disable and delete one's own access keys", lasts=True
    ),
    Action.ACCOUNT_CHANGE: Rule(
        Need.USER, None, "change one's own password, end one's own sessions", lasts=True
    ),
    Action.SESSION_MAKE: Rule(Need.NOTHING, None, "sign in"),
    Action.SESSION_END: Rule(Need.NOTHING, None, "sign out"),
    Action.LINK_USE: Rule(Need.NOTHING, None, "use an invitation or a reset link"),
    Action.RIGHTS_EXPLAIN: Rule(
        Need.LOGIN, None, "learn why oneself may or may not; an editor, why somebody else", looks=True
    ),
    Action.USER_SEE: Rule(Need.ADMIN, None, "see the users of the site", looks=True),
    Action.USER_CHANGE: Rule(Need.ADMIN, None, "make, invite, change and delete users", lasts=True),
    Action.AUDIT_SEE: Rule(Need.ADMIN, None, "see the audit trail of the whole site", looks=True),
    Action.ORGANIZATION_AUDIT_SEE: Rule(
        Need.EDIT, None, "see the audit trail of the organization", looks=True
    ),
    Action.KUBECONFIG_READ: Rule(Need.LOGIN, None, "see which contexts a kubeconfig has"),
    Action.CLUSTER_LIST: Rule(Need.LOGIN, None, "list the clusters that one may see", looks=True),
    # A registered cluster gets keys to pull with, which outlive the login that registered it.
    Action.CLUSTER_REGISTER: Rule(Need.EDIT, None, "register a cluster of the organization", lasts=True),
    Action.CLUSTER_REGISTER_FOR_SITE: Rule(Need.ADMIN, None, "register a cluster of the site", lasts=True),
    Action.CLUSTER_SEE: Rule(Need.READ, None, "see the cluster and what runs in it", looks=True),
    Action.CLUSTER_DEPLOY: Rule(Need.WRITE, None, "deploy to the cluster, change what runs in it"),
    Action.CLUSTER_CHANGE: Rule(Need.EDIT, None, "change and remove the cluster"),
    Action.CLUSTER_OPEN: Rule(
        Need.EDIT, None, "open the cluster to organizations whose images it then may pull", lasts=True
    ),
    Action.PULL_SECRET_SEE: Rule(
        Need.READ, None, "see which pull secrets the cluster has, never what is in them", looks=True
    ),
    Action.PULL_SECRET_CHANGE: Rule(
        Need.WRITE, None, "make, rotate and delete pull secrets in the cluster", lasts=True
    ),
    Action.IMAGE_USES_SEE: Rule(
        Need.READ, None, "see in which of the clusters that one may see the image runs", looks=True
    ),
    # A webhook is told of private images, and goes on after the login that made it.
    Action.WEBHOOK_SEE: Rule(
        Need.EDIT, None, "see the organization's webhooks and what they were told", looks=True
    ),
    Action.WEBHOOK_CHANGE: Rule(
        Need.EDIT, None, "make, change, try and delete the organization's webhooks", lasts=True
    ),
    Action.SITE_WEBHOOK_SEE: Rule(
        Need.ADMIN, None, "see the site's webhooks and what they were told", looks=True
    ),
    Action.SITE_WEBHOOK_CHANGE: Rule(
        Need.ADMIN, None, "make, change, try and delete the site's webhooks", lasts=True
    ),
    Action.WEBHOOK_HEAR: Rule(Need.NOTHING, None, "tell of a push elsewhere, by the address of a sender"),
    Action.FLEET_LIST: Rule(Need.LOGIN, None, "list the fleets that one may see", looks=True),
    Action.FLEET_CREATE: Rule(Need.EDIT, None, "make a fleet of the organization"),
    Action.FLEET_CREATE_FOR_SITE: Rule(Need.ADMIN, None, "make a fleet of the site"),
    Action.FLEET_SEE: Rule(Need.READ, None, "see the fleet and what was deployed to it", looks=True),
    Action.FLEET_DEPLOY: Rule(
        Need.WRITE, None, "deploy to the fleet, in those clusters that one may deploy to"
    ),
    Action.FLEET_CHANGE: Rule(Need.EDIT, None, "change and delete the fleet, say which clusters it is"),
    Action.AGENT_JOIN: Rule(Need.NOTHING, None, "fetch the manifest of a cluster's agent, by its token"),
    Action.AGENT_CONNECT: Rule(Need.NOTHING, None, "hold the tunnel to a cluster, by its agent's credential"),
}
