# What the profile `team` asks of a request, as a team that used conftest would have to write it.
#
# It gives the same answer as the gate for the requests of bench/decide.py: the same rules broken,
# the same advice, the same level and lane, the same approvals missing and the same people to ask.
# Tables (matrix, bands, floors, requirements, models, roles) come as data from the policies of the
# profile; conditions, which are CEL there, are written here by hand and are known by their ids.
# Times are of UTC, and freezes, signatures and contributions are not looked at.
package main

spec := input.spec

rank := {"low": 0, "medium": 1, "high": 2, "critical": 3}

names := ["low", "medium", "high", "critical"]

minute := 60000000000

# What is touched

diff := data.facts.diff[input.metadata.id]

paths := {sprintf("/%s", [entry.path]) | some entry in diff}

scope := [rooted(pattern) | some pattern in spec.scope]

rooted(pattern) := pattern if startswith(pattern, "**/")

else := sprintf("/%s", [pattern])

covered contains path if {
	some path in paths
	touches(scope, path)
}

touches(patterns, path) if {
	some pattern in patterns
	glob.match(pattern, ["/"], path)
}

any_touches(patterns) if {
	some path in paths
	touches(patterns, path)
}

declared := {name | some name in spec.services}

footprint := declared | {name |
	some name, service in data.facts.services
	some path in covered
	touches(service.paths, path)
}

stranger := {"tier": 0, "lifecycle": "", "data": "", "annotations": []}

services := {name: object.get(data.facts.services, name, stranger) | some name in footprint}

tier_one if {
	some service in services
	service.tier == 1
}

# When

start := time.parse_rfc3339_ns(sprintf("%s:00Z", [spec.window.start]))

end := time.parse_rfc3339_ns(sprintf("%s:00Z", [spec.window.end]))

soak := minutes(object.get(spec.window, "soak", "0m")) * minute

minutes(length) := to_number(trim_right(length, "mhd")) * {"m": 1, "h": 60, "d": 1440}[unit] if {
	unit := substring(length, count(length) - 1, 1)
}

notice := weekdays(floor(data.facts.now / day), floor(start / day))

day := 86400000000000

weekdays(first, last) := 0 if {
	last <= first
} else := (whole * 5) + count(odd) if {
	whole := floor((last - first) / 7)
	rest := (last - first) % 7
	odd := [step | some step in [0, 1, 2, 3, 4, 5]; step < rest; ((first + 3) + step) % 7 < 5]
}

# Risk

tested if spec.plans.backout.tested

impacts contains 1

impacts contains impact if {
	some service in services
	impact := object.get(data.facts.impact.tiers, sprintf("%d", [service.tier]), data.facts.impact.unknown)
}

impacts contains data.facts.impact.data[service.data] if some service in services

impacts contains step.impact if {
	some step in data.facts.impact.reach
	count(footprint | graph.reachable(data.facts.dependents, footprint)) >= step.atLeast
}

impacts contains data.facts.impact.irreversible if spec.impact.reversible == false

row := data.facts.matrix[max(impacts) - 1]

# The class that the record of the files makes comes as a fact; an unknown one counts as the worst up
# to `possible`.
columns := {"rare": 0, "unlikely": 1, "possible": 2, "likely": 3}

base := row[column] if {
	column := columns[data.facts.likelihood]
} else := max(array.slice(row, 0, 3))

factors["several-services"] if count(services) > 3

factors["no-way-back-tried"] if {
	spec.plans.backout
	not tested
}

factors["downtime"] if minutes(spec.impact.downtime) > 15

points := [data.facts.factors[id] | factors[id]]

score := min([100, base + sum(points)])

banded := [rank[band.level] | some band in data.facts.bands; score <= band.upTo][0]

floors contains rank[floor.level] if {
	some floor in data.facts.floors
	touched(floor)
	holds(floor)
}

touched(floor) if count(floor.paths) == 0

touched(floor) if any_touches(floor.paths)

holds(floor) if not floor.conditional

holds(floor) if conditions[floor.id]

conditions["tier-1"] if tier_one

conditions["irreversible"] if spec.impact.reversible == false

conditions["migration-without-tested-backout"] if not tested

assessed := max({banded} | floors)

wished := object.get(rank, object.get(spec, "risk", ""), 0)

level := names[max([assessed, wished])]

warn contains {"rule": "under-declared-risk", "msg": sprintf("the request says %s; assessed is %s", [spec.risk, level])} if {
	rank[spec.risk] < rank[level]
}

# Models and lanes

model := data.facts.models[spec.model]

misfits contains {"rule": "unknown-model", "msg": sprintf("the model %s is not published", [spec.model])} if {
	spec.model
	not model
}

misfits contains {"rule": "model-type", "msg": sprintf("the model is of type %s", [model.type])} if {
	model.type != spec.type
}

misfits contains {"rule": "model-expired", "msg": sprintf("its last day was %s", [model.expires])} if {
	model.expires < data.facts.today
}

misfits contains {"rule": "outside-model", "msg": sprintf("%s lies outside of %s", [path, spec.model])} if {
	count(model.paths) > 0
	some path in paths
	not touches(model.paths, path)
}

misfits contains {"rule": "model-limit", "msg": sprintf("%d files are too many", [count(paths)])} if {
	count(paths) > model.limits.files
}

misfits contains {"rule": "model-limit", "msg": "too many files are deleted"} if {
	count([entry | some entry in diff; entry.status == "D"]) > model.limits.deletions
}

misfits contains {"rule": "model-limit", "msg": sprintf("%d services are too many", [count(services)])} if {
	count(services) > model.limits.services
}

misfits contains {"rule": "model-limit", "msg": sprintf("the risk is %s", [level])} if {
	rank[level] > rank[model.limits.risk]
}

misfits contains {"rule": "model-limit", "msg": sprintf("it takes effect in %s", [name])} if {
	count(model.limits.environments) > 0
	some name in (environments | {each | some each in spec.environments})
	not name in model.limits.environments
}

# An emergency that names no model keeps to the limits of the one there is, and owes it no papers.
misfits contains {"rule": "model-limit", "msg": sprintf("%d services are too many", [count(services)])} if {
	spec.type == "emergency"
	not spec.model
	some one in data.facts.models
	one.type == "emergency"
	count(services) > one.limits.services
}

misfits contains {"rule": "model-field", "msg": sprintf("%s is missing", [concat(".", field)])} if {
	some field in model.fields
	object.get(input, field, null) in [null, "", []]
}

deny contains misfit if some misfit in misfits

lane := "emergency" if {
	spec.type == "emergency"
} else := "express" if {
	spec.type == "standard"
	model
	count(misfits) == 0
	level in ["low", "medium"]
} else := {"low": "peer", "medium": "team", "high": "board", "critical": "board"}[level]

# What the request claims

deny contains {"rule": "unknown-person", "msg": sprintf("%s is not known", [name])} if {
	some name in [input.metadata.requester, object.get(spec, "implementer", input.metadata.requester)]
	not name in data.facts.people
}

deny contains {"rule": "unknown-service", "msg": sprintf("the service %s is not in the catalogue", [name])} if {
	some name in declared
	not data.facts.services[name]
}

deny contains {"rule": "undeclared-service", "msg": sprintf("paths of %s change, and it is not named", [name])} if {
	some name in (footprint - declared)
}

environments contains name if {
	some name, patterns in data.facts.environments
	some path in covered
	touches(patterns, path)
}

deny contains {"rule": "undeclared-environment", "msg": sprintf("it takes effect in %s", [name])} if {
	some name in environments
	not name in spec.environments
}

deny contains {"rule": "uncovered-change", "msg": sprintf("%s lies outside of the scope", [path])} if {
	some path in (paths - covered)
}

deny contains {"rule": "window-past", "msg": sprintf("the window ended %s", [spec.window.end])} if {
	end + soak <= data.facts.now
}

deny contains {"rule": "wrong-window", "msg": "the window ends before it starts"} if {
	spec.window.end <= spec.window.start
}

# The rules of the organisation

placed if {
	every path in paths {
		some _, patterns in data.facts.environments
		touches(patterns, path)
	}
}

live if "production" in spec.environments

live if not placed

decided if lane in ["peer", "team", "board"]

significant if spec.significant

major if significant

major if rank[level] >= 2

operated if {
	live
	decided
	tier_one
}

operated if {
	live
	decided
	major
}

ready(annotation) if {
	every service in services {
		excused(service, annotation)
	}
}

excused(service, annotation) if annotation in service.annotations

excused(service, _) if {
	service.tier != 1
	not major
}

retired := [name | some name, service in services; service.lifecycle == "retired"]

deny contains {"rule": "retired-service", "msg": sprintf("%s is retired, and this changes it", [concat(", ", retired)])} if {
	count(retired) > 0
	some entry in diff
	entry.status != "D"
	catalogue := [path | some path in paths; touches(["/services/**/*.yaml", "/catalog-info.yaml"], path)]
	count(paths) > count(catalogue)
}

undated := [name |
	some name, service in services
	not service.lifecycle in ["experimental", "production", "deprecated", "retired"]
]

warn contains {"rule": "unknown-lifecycle", "msg": sprintf("the catalogue does not say where in its life %s is", [concat(", ", undated)])} if {
	count(undated) > 0
}

deny contains {"rule": "critical-risk-not-declared", "msg": sprintf("the risk is critical (score %d), and the request does not say so", [score])} if {
	decided
	level == "critical"
	object.get(spec, "risk", "") != "critical"
}

deny contains {"rule": "runbook-missing", "msg": "nobody says where the runbook is"} if {
	operated
	not spec.readiness.runbook
	not ready("runbook")
}

deny contains {"rule": "alerts-missing", "msg": "nobody says which alerts would show that the change went wrong"} if {
	operated
	not spec.readiness.alerts
	not ready("alerts")
}

deny contains {"rule": "oncall-missing", "msg": "nobody says who is on call when the change takes effect"} if {
	operated
	not spec.readiness.oncall
	not ready("oncall")
}

deny contains {"rule": "backout-owner-missing", "msg": "nobody is named who decides on going back"} if {
	operated
	not spec.plans.backout.owner
	not ready("backout-owner")
}

least_notice := 2 if tier_one

else := 1

warn contains {"rule": "short-notice", "msg": sprintf("the change begins in %d business day(s)", [notice])} if {
	live
	lane == "board"
	notice < least_notice
}

deny contains {"rule": "window-missing", "msg": sprintf("a change of %s risk has no planned time", [level])} if {
	live
	lane == "board"
	not spec.window
}

deny contains {"rule": "test-plan-missing", "msg": sprintf("a change of %s risk does not say how it was tested", [level])} if {
	live
	lane == "board"
	not spec.plans.test
}

deny contains {"rule": "backout-missing", "msg": sprintf("a change of %s risk does not say how it is taken back", [level])} if {
	live
	lane == "board"
	not spec.plans.backout
}

deny contains {"rule": "significant-without-model", "msg": "the change is significant, and is not prepared as a major change"} if {
	decided
	significant
	object.get(spec, "model", "") != "normal-major"
}

incident if {
	some link in spec.links
	link.type == "incident"
}

deny contains {"rule": "emergency-without-incident", "msg": "the emergency names no incident"} if {
	spec.type == "emergency"
	not incident
}

# Approvals

excluded := {input.metadata.requester, object.get(spec, "implementer", input.metadata.requester)} | authors

authors := {name | some name in data.facts.authors}

holders(role, about) := {name | some name in data.facts.people} if role == "peer"

holders(role, about) := {name |
	some grant in data.facts.roles
	grant.role == role
	covers(grant, about)
	some name in grant.members
} if {
	role != "peer"
}

covers(grant, _) if count(grant.services) == 0

covers(grant, about) if {
	some service in grant.services
	service in about
}

asked(requirement) if not requirement.conditional

asked(requirement) if {
	requirement.id == "security-officer"
	sensitive
}

sensitive if {
	some service in services
	service.data in ["confidential", "restricted"]
}

sensitive if any_touches([
	"**/crypto/**", "**/certs/**", "**/*.pem", "**/*.crt", "**/*.key",
	"**/auth/**", "**/authn/**", "**/authz/**", "**/oauth/**", "**/rbac/**", "**/login/**",
])

subjects(requirement) := footprint if requirement.of == "footprint"

else := {""}

about(service) := footprint if service == ""

else := {service}

eligible(requirement, service) := own if {
	own := holders(requirement.role, about(service)) - excluded
	count(own) >= requirement.min
} else := own | others if {
	own := holders(requirement.role, about(service)) - excluded
	others := holders(requirement.fallback, about(service)) - excluded
} else := holders(requirement.role, about(service)) - excluded

wanted contains {"requirement": requirement.id, "service": service, "least": requirement.min, "who": who} if {
	some requirement in data.facts.requirements
	level in requirement.levels
	lane in requirement.lanes
	asked(requirement)
	some service in subjects(requirement)
	who := eligible(requirement, service)
}

deny contains {"rule": "no-applicable-policy", "msg": "no approval requirement applies"} if {
	count(wanted) == 0
	not lane in ["express", "registration"]
}

deny contains {"rule": "unsatisfiable-requirement", "msg": sprintf("%s: too few people are left", [demand.requirement])} if {
	some demand in wanted
	count(demand.who) < demand.least
}

warn contains {
	"rule": "missing-approval",
	"msg": sprintf("%s: one of %s can approve", [demand.requirement, concat(", ", demand.who)]),
	"requirement": demand.requirement,
	"service": demand.service,
	"who": concat(" ", sort(demand.who)),
} if {
	some demand in wanted
	count(demand.who) >= demand.least
}

# The answer itself

warn contains {
	"rule": "assessed",
	"msg": sprintf("%s risk (score %d), lane %s", [level, score, lane]),
	"level": level,
	"score": score,
	"lane": lane,
}
