-- table: decimals_7_2
a + b
a - b
a * b
a / b
a % b
a div b
pmod(a, b)
-a
abs(a)
a * (1 - b)
a * (1 - b) * (1 + b)
-- table: decimals_18_2
a + b
a - b
a * b
a / b
a % b
a div b
a * (1 - b)
try_add(a, b)
-- table: decimals_19_2
a + b
a - b
a * b
a / b
a % b
-a
-- table: decimals_38_0
a + b
a - b
a * b
a / b
a % b
a div b
try_add(a, b)
try_multiply(a, b)
