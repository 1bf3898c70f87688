-- wrk's request: a pair of claims, each time as a new task.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"claim1":"Aspirin reduces the risk of stroke.","claim2":"Aspirin does not reduce the risk of stroke."}'
