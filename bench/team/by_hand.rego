# The format of a request, written by hand, as teams begin.
package main

deny contains {"rule": "format", "msg": sprintf("spec lacks %s", [key])} if {
	some key in ["type", "services", "environments", "scope", "reason"]
	not input.spec[key]
}

deny contains {"rule": "format", "msg": sprintf("metadata lacks %s", [key])} if {
	some key in ["id", "title", "requester"]
	not input.metadata[key]
}

deny contains {"rule": "format", "msg": sprintf("%s is not known", [key])} if {
	some key, _ in input.spec
	not key in data.facts.keys
}

deny contains {"rule": "format", "msg": sprintf("%s is no type", [input.spec.type])} if {
	not input.spec.type in ["standard", "normal", "emergency", "registration"]
}
