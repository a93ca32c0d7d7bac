// Asks Snowflake's connector what it finds wrong with a configuration: properties from the input, a line for each problem.
import com.snowflake.kafka.connector.DefaultConnectorConfigValidator
import com.snowflake.kafka.connector.config.ConnectorConfigDefinition
import com.snowflake.kafka.connector.config.IcebergConfigValidator
import com.snowflake.kafka.connector.internal.streaming.DefaultStreamingConfigValidator

def given = new Properties()
given.load(System.in)
def config = new HashMap<String, String>(given)
ConnectorConfigDefinition.getConfig().validate(config).each { value ->
    value.errorMessages().each { println "${value.name()}: $it" }
}
try {
    new DefaultConnectorConfigValidator(new DefaultStreamingConfigValidator(), new IcebergConfigValidator()).validateConfig(config)
} catch (com.snowflake.kafka.connector.internal.SnowflakeKafkaConnectorException error) {
    println error.message
}
println 'asked'
