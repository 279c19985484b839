# The format of a request by its JSON Schema, which checks as much of it as the gate does.
package main

deny contains {"rule": "format", "msg": sprintf("%v", [errors])} if {
	[valid, errors] := json.match_schema(input, data.facts.schema)
	not valid
}
