"""A rehearsal: all scenarios played on simulated vendors against a hub in a throw-away installation.

`house` sets it up, `seller` is the seller's side over the REST API, `stillness` knows when the hub has nothing left to
do. Nothing here ever touches a real vendor or a merchant's data.
"""
