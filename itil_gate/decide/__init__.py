"""The decision: a pure function of sealed inputs. `gate.decide` reads like the process itself."""
